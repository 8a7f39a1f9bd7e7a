@echo off
rem Ends the brokers of this machine; Windows knows no gentle way for a process without a window, so the next start recovers.
powershell -NoProfile -Command "$p = Get-CimInstance Win32_Process -Filter \"Name = 'thalweg.exe'\" | Where-Object { $_.CommandLine -match ' server( |$)' }; if (-not $p) { Write-Output 'No kafka server to stop'; exit 1 }; $p | ForEach-Object { Stop-Process -Id $_.ProcessId }"
exit /b %ERRORLEVEL%
