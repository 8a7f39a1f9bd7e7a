@echo off
call "%~dp0thalweg-run.bat" kafka-e2e-latency %*
exit /b %ERRORLEVEL%
