@echo off
call "%~dp0thalweg-run.bat" kafka-metadata-quorum %*
exit /b %ERRORLEVEL%
