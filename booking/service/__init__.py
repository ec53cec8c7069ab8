"""What booking can be asked to do: commands and outcomes, typed views, and the ports to whatever stores them."""
