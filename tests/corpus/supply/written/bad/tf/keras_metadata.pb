
H*F{"class_name": "Lambda", "config": {"function": ["4wAA", null, null]}}