@echo off
call "%~dp0thalweg-run.bat" kafka-configs %*
exit /b %ERRORLEVEL%
