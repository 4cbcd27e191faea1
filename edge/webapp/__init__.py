"""The component register: a web application beside an edge model that judges descriptions.

Technicians enter, edit and search descriptions of components, see what the model says of each and
why, and correct it; corrections become labelled data. `python -m edge.webapp` runs it.
"""
