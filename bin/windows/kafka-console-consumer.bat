@echo off
call "%~dp0thalweg-run.bat" kafka-console-consumer %*
exit /b %ERRORLEVEL%
