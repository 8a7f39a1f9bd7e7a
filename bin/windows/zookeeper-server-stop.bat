@echo off
echo No ZooKeeper is needed: the broker keeps its own metadata. Nothing to stop; go on with kafka-server-stop.bat.
exit /b 0
