"""What is asked, and when: batch sizes and arrivals. Pure; what is random comes in as draws."""
