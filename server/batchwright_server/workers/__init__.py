"""Several processes behind one port: started, watched, and shown as one."""
