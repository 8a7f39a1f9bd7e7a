@echo off
call "%~dp0thalweg-run.bat" kafka-client-metrics %*
exit /b %ERRORLEVEL%
