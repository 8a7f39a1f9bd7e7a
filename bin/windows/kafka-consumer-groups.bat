@echo off
call "%~dp0thalweg-run.bat" kafka-consumer-groups %*
exit /b %ERRORLEVEL%
