"""Who grades side by side: processes of this machine, seats on a cluster, and the loop that hands out the work."""
