"""The store over PostgreSQL. psycopg stays inside this package; SQL of the tables stays outside it."""
