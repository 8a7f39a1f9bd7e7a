@echo off
call "%~dp0thalweg-run.bat" kafka-delete-records %*
exit /b %ERRORLEVEL%
