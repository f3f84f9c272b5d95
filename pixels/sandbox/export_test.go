package sandbox

// OnRequest sets what a worker does before it decodes.
func OnRequest(f func(data []byte)) { onRequest = f }
