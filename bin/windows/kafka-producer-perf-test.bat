@echo off
call "%~dp0thalweg-run.bat" kafka-producer-perf-test %*
exit /b %ERRORLEVEL%
