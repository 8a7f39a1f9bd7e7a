@echo off
call "%~dp0thalweg-run.bat" kafka-broker-api-versions %*
exit /b %ERRORLEVEL%
