"""How bytes move: framed messages on pipes, frames on ZeroMQ. The only folder that imports zmq or mmap."""
