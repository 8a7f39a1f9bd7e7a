@echo off
call "%~dp0thalweg-run.bat" kafka-dump-log %*
exit /b %ERRORLEVEL%
