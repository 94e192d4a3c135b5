@echo off
rem Installs the course from this folder, without network:  install.bat [FOLDER]
py -@PYTHON@ "%~dp0install.py" %*
if not errorlevel 9009 exit /b %errorlevel%
python "%~dp0install.py" %*
if errorlevel 9009 echo Python @PYTHON@ is needed and was not found. Install it and start this again.
