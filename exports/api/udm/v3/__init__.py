"""User Data Management, version 3: files, certificate and catalogue, deprecated. Jobs and history are in version 4."""
