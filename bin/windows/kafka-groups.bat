@echo off
call "%~dp0thalweg-run.bat" kafka-groups %*
exit /b %ERRORLEVEL%
