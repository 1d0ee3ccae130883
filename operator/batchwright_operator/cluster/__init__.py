"""Where pods run, behind one port."""
