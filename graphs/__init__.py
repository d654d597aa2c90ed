"""Negotiations as LangGraph state machines. The only room that knows LangGraph."""
