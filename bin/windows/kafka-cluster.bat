@echo off
call "%~dp0thalweg-run.bat" kafka-cluster %*
exit /b %ERRORLEVEL%
