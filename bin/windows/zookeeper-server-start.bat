@echo off
echo No ZooKeeper is needed: the broker keeps its own metadata. Nothing to start; go on with kafka-server-start.bat.
exit /b 0
