@echo off
call "%~dp0thalweg-run.bat" kafka-verifiable-producer %*
exit /b %ERRORLEVEL%
