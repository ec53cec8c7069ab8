"""HTTP: the API, the readers' pages, the staff pages, live maps. Decides nothing that a rule decides."""
