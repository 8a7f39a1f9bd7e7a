@echo off
call "%~dp0thalweg-run.bat" kafka-reassign-partitions %*
exit /b %ERRORLEVEL%
