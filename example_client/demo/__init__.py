"""The program behind `make demo`: varying batch sizes, a switch of strategy while serving, a report."""
