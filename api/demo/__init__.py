"""An invented cast whose ten days show everything; every name, title and host here is made up."""
