"""Whether the component that a technician describes in free text complies with the regulations."""
