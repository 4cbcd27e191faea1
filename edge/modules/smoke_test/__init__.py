"""The smoke-test module: proves on the device that the released model answers as it must."""
