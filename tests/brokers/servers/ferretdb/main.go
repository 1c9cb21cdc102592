// FerretDB: speaks MongoDB's wire protocol and keeps its documents in SQLite files.
//
//	ferretdb HOST:PORT FOLDER
package main

import (
	"context"
	"log"
	"net"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: ferretdb HOST:PORT FOLDER")
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func serve(address, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Handler:   "sqlite",
		SQLiteURL: "file:" + folder + "/",
	})
	if err != nil {
		return err
	}
	inner, err := url.Parse(server.MongoDBURI())
	if err != nil {
		return err
	}
	door, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	go accept(door, inner.Host)
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return server.Run(stopped)
}
