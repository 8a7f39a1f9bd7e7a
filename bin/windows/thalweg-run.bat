@echo off
rem Runs the thalweg binary that belongs to this directory: %THALWEG%, one beside this file or two
rem directories above, one built from the checkout, or the one in PATH.
setlocal
set "root=%~dp0..\.."
set "binary=%THALWEG%"
if not defined binary if exist "%~dp0thalweg.exe" set "binary=%~dp0thalweg.exe"
if not defined binary if exist "%root%\thalweg.exe" set "binary=%root%\thalweg.exe"
if not defined binary if exist "%root%\go.mod" (
  where go >nul 2>nul && (
    set CGO_ENABLED=0
    pushd "%root%"
    go build -o "%LOCALAPPDATA%\thalweg\thalweg.exe" ./cmd/thalweg || (popd & exit /b 1)
    popd
    set "binary=%LOCALAPPDATA%\thalweg\thalweg.exe"
  )
)
if not defined binary set "binary=thalweg.exe"
"%binary%" %*
exit /b %ERRORLEVEL%
