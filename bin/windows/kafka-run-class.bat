@echo off
call "%~dp0thalweg-run.bat" kafka-run-class %*
exit /b %ERRORLEVEL%
