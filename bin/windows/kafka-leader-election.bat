@echo off
call "%~dp0thalweg-run.bat" kafka-leader-election %*
exit /b %ERRORLEVEL%
