@echo off
call "%~dp0thalweg-run.bat" kafka-storage %*
exit /b %ERRORLEVEL%
