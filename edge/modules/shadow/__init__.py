"""The shadow module: asks a candidate what the champion was asked, and tells both answers."""
