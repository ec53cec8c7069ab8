"""Face terminals that call over HTTP: request → event part → person number. The picture ends here: no byte of it is kept."""
