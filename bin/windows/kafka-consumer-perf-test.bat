@echo off
call "%~dp0thalweg-run.bat" kafka-consumer-perf-test %*
exit /b %ERRORLEVEL%
