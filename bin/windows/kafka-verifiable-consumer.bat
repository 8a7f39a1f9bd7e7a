@echo off
call "%~dp0thalweg-run.bat" kafka-verifiable-consumer %*
exit /b %ERRORLEVEL%
