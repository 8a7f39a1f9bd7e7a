@echo off
setlocal
if "%LOG_DIR%"=="" set LOG_DIR=%~dp0..\..\logs
call "%~dp0thalweg-run.bat" server %*
exit /b %ERRORLEVEL%
