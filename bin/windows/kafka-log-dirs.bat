@echo off
call "%~dp0thalweg-run.bat" kafka-log-dirs %*
exit /b %ERRORLEVEL%
