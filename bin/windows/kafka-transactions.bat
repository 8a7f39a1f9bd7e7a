@echo off
call "%~dp0thalweg-run.bat" kafka-transactions %*
exit /b %ERRORLEVEL%
