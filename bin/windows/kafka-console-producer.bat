@echo off
call "%~dp0thalweg-run.bat" kafka-console-producer %*
exit /b %ERRORLEVEL%
