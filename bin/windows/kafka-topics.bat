@echo off
call "%~dp0thalweg-run.bat" kafka-topics %*
exit /b %ERRORLEVEL%
