@echo off
call "%~dp0thalweg-run.bat" kafka-features %*
exit /b %ERRORLEVEL%
