"""The FastAPI application: routes, websockets and the pages. The only web code of the project."""
