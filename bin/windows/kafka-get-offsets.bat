@echo off
call "%~dp0thalweg-run.bat" kafka-get-offsets %*
exit /b %ERRORLEVEL%
