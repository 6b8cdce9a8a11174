#!/usr/bin/env node
// Lies beside what is built, so that an install can link it before the first build.
import '../dist/main.js'
