"""The SQL database: tables, migrations, and transactions that survive locks, restarts and lost connections."""
